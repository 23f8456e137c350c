"""The network as an ONNX graph: written, quantised, checked, and run by graph runtimes."""
