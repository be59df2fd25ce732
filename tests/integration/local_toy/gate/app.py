def handler(event, context):
    return {"isAuthorized": event["headers"].get("authorization") == "Bearer toy-key"}
