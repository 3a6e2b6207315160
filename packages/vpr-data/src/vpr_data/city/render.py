"""One photograph: geometry, shading, light and weather."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpr_data.city.brush import rgb
from vpr_data.city.camera import Camera
from vpr_data.city.cars import Boxes, shade_boxes
from vpr_data.city.develop import U8, develop
from vpr_data.city.draws import F32, I64, Bool
from vpr_data.city.dress import Dress
from vpr_data.city.facades import Points, Shaded, roof_line, shade_facade
from vpr_data.city.ground import near_roads, shade_ground
from vpr_data.city.props import draw_props
from vpr_data.city.raycast import Hits, cast
from vpr_data.city.scene import Scene
from vpr_data.city.sky import shade_sky
from vpr_data.city.visits import light_of

__all__ = ["Shot", "Surfaces", "render", "trace"]

_REACH = 260.0
_CARS_REACH = 75.0


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One photograph: its camera, the key of the camera's random faults, and rays a pixel (squared)."""

    camera: Camera
    key: tuple[int, ...]
    supersample: int = 2


@dataclass(frozen=True, kw_only=True)
class Surfaces:
    """What every ray meets: ``depth (P,)`` along the optical axis, infinite in the sky, and on which kind of thing."""

    depth: F32
    houses: Hits
    cars: Hits
    on_house: Bool
    on_car: Bool
    on_ground: Bool
    on_lid: Bool


def render(scene: Scene, dress: Dress, shot: Shot) -> U8:
    """Render to RGB, ``(H, W, 3)``; a pure function of its arguments."""
    scale, seen = shot.supersample, shot.camera
    fine = {"height": seen.height * scale, "width": seen.width * scale, "focal": seen.focal * scale}
    light = _radiance(scene, dress, Camera(**{**vars(seen), **fine}))
    total = np.zeros((3, seen.height, seen.width), dtype=np.float32)
    for i in range(scale):
        for j in range(scale):
            total += light[:, i::scale, j::scale]
    return develop(total / np.float32(scale**2), dress.visit, shot.key)


def trace(scene: Scene, dress: Dress, camera: Camera, rays: F32) -> Surfaces:
    """Find the first surface on each ray ``(P, 3)``."""
    walls, buildings, boxes = scene.district.walls, scene.district.buildings, dress.boxes

    def silhouette(wall: I64, along: F32) -> F32:
        return roof_line(buildings, walls.building[wall], walls.kind[wall], along, walls.span[wall])

    def lid(wall: I64, along: F32) -> F32:
        return boxes.top[wall]

    steps = camera.width
    houses = cast(
        walls.start,
        walls.end,
        silhouette,
        origin=camera.position,
        heading=camera.heading,
        rays=rays,
        steps=steps,
        reach=_REACH,
    )
    cars = cast(
        boxes.start,
        boxes.end,
        lid,
        origin=camera.position,
        heading=camera.heading,
        rays=rays,
        steps=steps,
        reach=_CARS_REACH,
        lids=True,
    )
    eye = np.float32(camera.position[2])
    with np.errstate(divide="ignore"):
        ground = np.where(rays[:, 2] < -1e-4, -eye / rays[:, 2], np.float32(np.inf))
    car_depth, on_lid = _on_cars(boxes, cars, rays, eye)
    depth = np.minimum(np.minimum(houses.depth, ground), car_depth)
    seen = depth < 1500
    on_car = seen & (car_depth <= depth)
    on_house = seen & ~on_car & (houses.depth <= depth)
    return Surfaces(
        depth=np.where(seen, depth, np.float32(np.inf)),
        houses=houses,
        cars=cars,
        on_house=on_house,
        on_car=on_car,
        on_ground=seen & ~on_car & ~on_house,
        on_lid=on_lid,
    )


def _on_cars(boxes: Boxes, cars: Hits, rays: F32, eye: np.float32) -> tuple[F32, Bool]:
    """Depth on cars with their flat tops: a far wall stands for its box's top, a cabin's foot for the bonnet."""
    depth, flat = cars.depth.copy(), np.zeros(len(rays), dtype=np.bool_)
    hit = np.flatnonzero(cars.wall >= 0)
    wall, ray = cars.wall[hit], rays[hit]
    z = eye + depth[hit] * ray[:, 2]
    out = _outwards(boxes.start[wall], boxes.end[wall])
    away = out[0] * ray[:, 0] + out[1] * ray[:, 1] > 0
    foot = (boxes.part[wall] == 1) & (z < boxes.belt[wall])
    lid = (away | foot) & (ray[:, 2] < -1e-4)
    level = np.where(away, boxes.top[wall], boxes.belt[wall])
    flat[hit[lid]] = True
    depth[hit[lid]] = (level[lid] - eye) / ray[lid, 2]
    return depth, flat


def _outwards(start: F32, end: F32) -> F32:
    """Horizontal unit normals ``(3, n)`` of walls."""
    along = end - start
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), np.float32(1e-6))
    return np.stack([along[:, 1] / length, -along[:, 0] / length, np.zeros_like(length)])


def _radiance(scene: Scene, dress: Dress, camera: Camera) -> F32:
    """Light along every pixel's ray, ``(3, H, W)``."""
    district, visit, boxes, rays = scene.district, dress.visit, dress.boxes, camera.rays()
    surfaces = trace(scene, dress, camera, rays)
    planes = np.ascontiguousarray(rays.T)
    eye = np.array(camera.position, dtype=np.float32)[:, None]
    out = np.empty_like(planes)

    at = np.flatnonzero(~np.isfinite(surfaces.depth))
    out[:, at] = shade_sky(planes.take(at, axis=1), visit, skyline=scene.salt + scene.area)

    at = np.flatnonzero(surfaces.on_house)
    if len(at):
        walls, wall = district.walls, surfaces.houses.wall[at]
        ray, depth = planes.take(at, axis=1), surfaces.depth[at]
        spot = eye + ray * depth
        points = Points(
            building=walls.building.take(wall),
            kind=walls.kind.take(wall),
            u=surfaces.houses.along[at],
            z=spot[2],
            span=walls.span.take(wall),
            size=depth / np.float32(camera.focal),
        )
        shaded = shade_facade(points, district.buildings, dress)
        normal = _outwards(walls.start, walls.end).take(wall, axis=1)
        out[:, at] = _lit(scene, dress, ray, depth, spot, normal, shaded)
    at = np.flatnonzero(surfaces.on_ground)
    if len(at):
        ray, depth = planes.take(at, axis=1), surfaces.depth[at]
        spot = eye + ray * depth
        near = near_roads(district.roads, camera.position[:2], 90.0)
        size = depth / np.float32(camera.focal)
        albedo, mirror = shade_ground(spot[0], spot[1], size, district.roads, near, district.parks, visit)
        out[:, at] = _lit(
            scene, dress, ray, depth, spot, rgb((0, 0, 1)), Shaded(albedo=albedo, glow=None, mirror=mirror)
        )
    at = np.flatnonzero(surfaces.on_car)
    if len(at):
        ray, depth = planes.take(at, axis=1), surfaces.depth[at]
        spot = eye + ray * depth
        wall, flat = surfaces.cars.wall[at], surfaces.on_lid[at]
        albedo, mirror = shade_boxes(boxes, wall, surfaces.cars.along[at], spot[2], flat, visit)
        normal = np.where(flat, rgb((0, 0, 1)), _outwards(boxes.start[wall], boxes.end[wall]))
        out[:, at] = _lit(scene, dress, ray, depth, spot, normal, Shaded(albedo=albedo, glow=None, mirror=mirror))
    picture = out.reshape(3, camera.height, camera.width)

    def sunlit(x: F32, y: F32, z: F32) -> F32:
        return scene.sunlit(x, y, z, visit)

    draw_props(dress.props, visit, camera, picture, surfaces.depth.reshape(camera.height, camera.width), lit=sunlit)
    return picture


def _lit(scene: Scene, dress: Dress, ray: F32, depth: F32, spot: F32, normal: F32, shaded: Shaded) -> F32:
    """Sunlight with cast shadows, skylight, mirrored sky, lamps and fog at surface points; ``normal (3, n or 1)``."""
    visit, albedo, mirror = dress.visit, shaded.albedo, shaded.mirror
    sun = light_of(visit)
    slant = normal[0] * sun[0] + normal[1] * sun[1] + normal[2] * sun[2]
    facing = np.broadcast_to(np.maximum(slant, 0), depth.shape).copy()
    if max(visit.sunlight) > 0.2:
        at = np.flatnonzero(facing > 0)
        push = normal * np.float32(0.8)
        x, y = (spot[0] + push[0])[at], (spot[1] + push[1])[at]
        facing[at] *= scene.sunlit(x, y, spot[2, at] + np.float32(0.05), visit)
    walls = np.float32(0.72) + np.float32(0.20) * np.clip(spot[2] / 12, 0, 1)
    open_sky = np.where(normal[2] > 0.5, np.float32(1), walls) * (np.float32(0.93) + np.float32(0.07) * slant)
    colour = rgb(visit.skylight) * np.float32(1.25) * open_sky
    if max(visit.sunlight) > 0:
        colour += rgb(visit.sunlight) * facing
    colour *= albedo
    at = np.flatnonzero(mirror > 0.01)
    if len(at):
        incoming = ray.take(at, axis=1)
        facet = normal if normal.shape[1] == 1 else normal.take(at, axis=1)
        bounce = incoming - 2 * (incoming * facet).sum(axis=0) * facet
        bounce[2] = np.abs(bounce[2]) + np.float32(0.08)
        share = mirror[at]
        reflected = shade_sky(bounce, visit, skyline=scene.salt + scene.area)
        colour[:, at] = colour.take(at, axis=1) * (1 - share / 2) + reflected * share * np.float32(0.8)
    if shaded.glow is not None:
        colour += shaded.glow
    veil = np.exp(depth * np.float32(-1 / visit.sight))
    horizon = rgb(visit.horizon)
    colour -= horizon
    colour *= veil
    colour += horizon
    lit: F32 = colour
    return lit
