"""Images of champions: what goes into one, and its build by whatever builds images on this machine."""
