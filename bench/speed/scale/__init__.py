"""``nox -s speed -- scale``: indexes of very many images, ours beside other libraries'."""
