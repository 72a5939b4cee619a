"""Tools over the same compiled policy and the same gate that enforce: questions, cases, coverage."""
