"""Raw case-report forms in, published survival results out. What belongs where: CONTRIBUTING.md."""
