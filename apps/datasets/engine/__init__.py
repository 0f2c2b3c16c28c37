"""Reading, describing, preparing, checking and splitting tables. No Django: paths in, files and plain values out."""
