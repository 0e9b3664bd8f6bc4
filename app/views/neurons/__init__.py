"""The Components view: neurons and experts that instructions need."""
