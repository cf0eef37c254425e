"""One file per released schema. A released file is never changed; a new schema is a new file."""
