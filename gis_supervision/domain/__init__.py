"""Pure rules of the field: no SQL, no HTTP, no settings."""
