"""From packages that carry a model to the ONNX file that Hawkline runs."""
