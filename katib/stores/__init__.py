"""Where studies, trials and observations are kept. `contract` says what a store promises; `sql` keeps it."""
