"""Benchmark of the speed of models, behind the command ``emo2vec bench``.

The package has no public names.
"""
