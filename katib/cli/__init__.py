"""The command line: thin; each file is one command, parses its words, calls the engine and renders the answer."""
