# By the name of the stack.
terraform import tidegate_stack.thumbnails thumbnails
