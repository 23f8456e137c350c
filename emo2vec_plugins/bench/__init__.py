"""How fast a machine runs a model: what ``emo2vec bench`` measures, draws and writes."""
