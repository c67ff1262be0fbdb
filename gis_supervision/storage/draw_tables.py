"""Tables: draws and their transcripts."""
