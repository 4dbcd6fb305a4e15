from headrace.engine import Engine, Image


class Mirror(Engine):
    def run(self, image: Image) -> dict:
        return {"image": Image(image.bytes, image.content_type)}
