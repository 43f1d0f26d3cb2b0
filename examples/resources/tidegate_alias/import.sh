# By the names of the stack, the function and the alias.
terraform import tidegate_alias.beta shop/order/beta
