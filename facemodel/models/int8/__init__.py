"""A network in 8-bit whole numbers: about a quarter of its size, and quicker where the processor has them.

In: a float file that is right, and crops of the set. Out: an int8 file that tells people apart as well as the
float file does, to within a stated loss; or an error, and no file.

- ``crops``: which crops the ranges are taken from, and which other people judge the result
- ``judge``: what a file loses against the float model, and how much it may lose
- ``onnx_file``: int8 candidates of an ONNX file, the smallest first
- ``onnx_model``: the same for any ONNX network that is a MODEL already
- ``tflite_file``: int8 candidates of a TFLite file
- ``choose``: the smallest candidate that is good enough
- ``write``: all of this, from a float file to an int8 file and its figures
"""
