"""An atlas in the formats of other tools: ONNX, tables, AnnData, TensorBoard, npz."""

from latentscape.exports.write import FORMATS, ExportReport, export

__all__ = ["FORMATS", "ExportReport", "export"]
