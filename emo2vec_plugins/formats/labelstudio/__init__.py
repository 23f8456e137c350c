"""Label Studio: tasks with predictions, the labelling configuration, and its export."""
