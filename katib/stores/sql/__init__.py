"""The store in a database: SQLite, PostgreSQL, MySQL or MariaDB.

    tables        what is stored
    rows          rows <-> values
    statements    what is asked of the database
    database      transactions, and the one way to run a statement
    dialects      what differs between databases
    faults        a driver's error -> katib.errors
    placement     where an SQLite file may not be
    schema        creating and upgrading the tables; `migrations` holds the steps, one file per released schema
    records       the studies and trials that a transaction works on
    log           observations
    store         the contract, over all of these

Each imports only what stands above it, `store` apart.
"""
