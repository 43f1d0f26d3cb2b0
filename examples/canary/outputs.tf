output "url" {
  description = "Address of the API."
  value       = tidegate_http_api.parcels.url
}

output "version" {
  description = "The version of the function that is live."
  value       = tidegate_http_api.parcels.functions["quote"].version
}
