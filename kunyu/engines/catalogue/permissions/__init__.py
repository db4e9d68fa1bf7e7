"""Pages, API and commands of permissions and labels: they speak of data by name, which security below cannot."""
