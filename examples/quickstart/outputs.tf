output "url" {
  description = "Address of the shop's API."
  value       = tidegate_http_api.shop.url
}

output "versions" {
  description = "The version of each function that is live."
  value = merge(
    { for name, function in tidegate_http_api.shop.functions : "shop/${name}" => function.version },
    { for name, function in tidegate_queue.orders.functions : "orders/${name}" => function.version },
    { for name, function in tidegate_schedule.report.functions : "report/${name}" => function.version },
  )
}
