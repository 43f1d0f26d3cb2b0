resource "tidegate_stack" "media" {
  name = "media"

  functions = {
    resize = {
      source  = "${path.module}/code/resize"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }
}
