# A queue that another team deploys.
data "tidegate_stack" "orders" {
  name = "orders"
}

output "orders_url" {
  value = data.tidegate_stack.orders.url
}
