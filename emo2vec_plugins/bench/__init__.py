"""How fast a machine runs a model: what ``emo2vec bench`` measures, draws and writes.

A command and no more: nothing is imported from here.
"""
