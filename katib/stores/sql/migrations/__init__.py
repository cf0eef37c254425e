"""alembic's folder: `env` runs the steps, `versions` holds one per released schema, oldest first by name."""
