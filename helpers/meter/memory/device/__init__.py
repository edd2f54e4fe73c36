"""What the allocators and kernels of a CPU or a GPU do with memory."""
