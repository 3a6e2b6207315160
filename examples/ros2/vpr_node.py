"""A ROS 2 node: photos in, descriptors out, and where a map is given the places that look most like each photo.

    ros2 run ... or: python vpr_node.py --ros-args -p map:=/path/to/map -r image:=/camera/image_raw

Subscribes to ``image`` (sensor_msgs/Image). Publishes ``descriptor`` (std_msgs/Float32MultiArray) and ``places``
(std_msgs/String: JSON with the photo's stamp and the first answers: name, similarity, position where known).
Parameters: ``model`` (model.onnx beside this file), ``map`` (a folder of `vpr extract`), ``count`` (5), ``least``
(similarity under which nothing is answered), ``threads``. A photo that comes while another is computed is dropped.
"""

import csv
import filecmp
import json
import os

import numpy as np
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Float32MultiArray, String
from vpr_onnx import Describer

CHANNELS = {
    "rgb8": (3, [0, 1, 2]),
    "bgr8": (3, [2, 1, 0]),
    "rgba8": (4, [0, 1, 2]),
    "bgra8": (4, [2, 1, 0]),
    "mono8": (1, [0, 0, 0]),
    "8UC1": (1, [0, 0, 0]),
    "8UC3": (3, [2, 1, 0]),
}


def pixels(message):
    """Return uint8 (H, W, 3), red first, of a sensor_msgs/Image; rows may be longer than the image is wide."""
    if message.encoding not in CHANNELS:
        raise ValueError(f"encoding {message.encoding!r} is none of {', '.join(CHANNELS)}")
    depth, order = CHANNELS[message.encoding]
    rows = np.frombuffer(bytes(message.data), np.uint8)[: message.height * message.step]
    rows = rows.reshape(message.height, message.step)[:, : message.width * depth]
    return np.ascontiguousarray(rows.reshape(message.height, message.width, depth)[:, :, order])


class Places:
    """The descriptors and positions of a map, searched exactly; ``model`` is the file that photos are described by."""

    def __init__(self, folder, model, fingerprint):
        with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
            self.manifest = json.load(file)
        own = os.path.join(folder, "model", "model.onnx")  # of a map that was made with an exported file
        same = os.path.isfile(own) and filecmp.cmp(own, model, shallow=False)
        if not same and self.manifest["fingerprint"] != fingerprint:
            raise ValueError(
                f"{folder} was made with another model than {model}, or with another image size; "
                "descriptors of two models cannot be compared: name the right one, or extract again"
            )
        files = sorted(name for name in os.listdir(folder) if name.endswith(".npy"))
        rows = [np.load(os.path.join(folder, name), allow_pickle=False).astype(np.float32) for name in files]
        self.rows = np.nan_to_num(np.concatenate(rows))
        with open(os.path.join(folder, "images.csv"), encoding="utf-8", newline="") as file:
            self.images = list(csv.DictReader(file))
        if len(self.images) != len(self.rows):
            raise ValueError(f"{folder}: {len(self.images)} images, {len(self.rows)} descriptors; extract it again")

    def __call__(self, descriptor, count, least):
        """Return the most similar images, best first."""
        if descriptor.shape[0] != self.rows.shape[1]:
            raise ValueError(f"the map has {self.rows.shape[1]} numbers a photo, the network gives {len(descriptor)}")
        similarity = self.rows @ descriptor
        best = np.argsort(-similarity, kind="stable")[:count]
        return [
            {
                **{key: value for key, value in self.images[row].items() if value},
                "similarity": round(float(similarity[row]), 6),
            }
            for row in best
            if similarity[row] >= least
        ]


class VprNode(Node):
    """The node."""

    def __init__(self):
        super().__init__("vpr")
        here = os.path.dirname(os.path.abspath(__file__))
        model = self.declare_parameter("model", os.path.join(here, "model.onnx")).value
        folder = self.declare_parameter("map", "").value
        self.count = int(self.declare_parameter("count", 5).value)
        self.least = float(self.declare_parameter("least", -1.0).value)
        self.describer = Describer(model, int(self.declare_parameter("threads", 0).value))
        self.places = Places(folder, model, self.describer.about["fingerprint"]) if folder else None
        self.descriptors = self.create_publisher(Float32MultiArray, "descriptor", 1)
        self.answers = self.create_publisher(String, "places", 1)
        self.create_subscription(Image, "image", self.on_image, 1)

    def on_image(self, message):
        """Describe a photo and publish; one that cannot be read is said, and costs nothing else."""
        try:
            descriptor = self.describer(pixels(message))
        except ValueError as error:
            self.get_logger().warning(str(error))
            return
        self.descriptors.publish(Float32MultiArray(data=descriptor.tolist()))
        if self.places is not None:
            stamp = {"sec": message.header.stamp.sec, "nanosec": message.header.stamp.nanosec}
            found = self.places(descriptor, self.count, self.least)
            self.answers.publish(String(data=json.dumps({"stamp": stamp, "answers": found})))


def main():
    """Run until interrupted."""
    rclpy.init()
    node = VprNode()
    try:
        rclpy.spin(node)
    except KeyboardInterrupt:
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
