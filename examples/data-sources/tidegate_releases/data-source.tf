data "tidegate_releases" "orders" {
  stack = "orders"
}

output "last_release" {
  value = one([
    for r in slice(data.tidegate_releases.orders.releases, 0, min(1, length(data.tidegate_releases.orders.releases))) :
    "${r.id} by ${r.by}: ${r.verdict}"
  ])
}
