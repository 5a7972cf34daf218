"""What goes into a library as it stands here, and works there without rdlake."""
