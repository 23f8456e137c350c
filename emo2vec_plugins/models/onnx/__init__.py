"""Graphs: export to ONNX, and the back ends that run it (private)."""
