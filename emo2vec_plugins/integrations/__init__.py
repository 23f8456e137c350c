"""One file for each host whose objects the package annotates; all are ordinary plugins."""
