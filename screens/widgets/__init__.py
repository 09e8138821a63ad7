"""What steps are made of: fields and their controls, and small pictures of what is going on."""
