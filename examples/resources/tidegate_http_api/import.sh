# By the name of the stack.
terraform import tidegate_http_api.shop shop
