data "tidegate_releases" "orders" {
  stack = "orders"
}

output "last_release" {
  value = try(data.tidegate_releases.orders.releases[0].verdict, "none yet")
}
