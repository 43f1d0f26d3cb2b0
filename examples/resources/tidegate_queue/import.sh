# By the name of the stack.
terraform import tidegate_queue.orders orders
