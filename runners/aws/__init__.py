"""AWS through boto3: inventory, images, builders."""
