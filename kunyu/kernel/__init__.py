"""The kernel: what knows no business. 内核. See docs/reference/kernel.md."""
