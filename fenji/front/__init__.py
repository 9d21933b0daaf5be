"""What people and machines open: the desk."""
