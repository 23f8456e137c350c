"""Label Studio: tasks with predictions, labelling configurations, and exports."""
