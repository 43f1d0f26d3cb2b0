output "fulfil_hash" {
  value = provider::tidegate::package_hash("${path.module}/fulfil")
}
