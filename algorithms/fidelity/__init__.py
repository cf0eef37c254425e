"""Several fidelities: many short trials, few long ones."""
