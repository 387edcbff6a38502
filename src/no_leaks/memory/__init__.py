"""Growth: what is more after each run of the same code; suspected cheaply, proven by repetition, and located on the heap."""
