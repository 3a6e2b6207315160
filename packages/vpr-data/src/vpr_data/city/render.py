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
from vpr_data.city.facades import Points, roof_line, shade_facade
from vpr_data.city.ground import near_roads, shade_ground
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
    light = light.reshape(3, seen.height, scale, seen.width, scale).mean(axis=(2, 4))
    return develop(light, dress.visit, shot.key)


def trace(scene: Scene, dress: Dress, camera: Camera, rays: F32) -> Surfaces:
    """Find the first surface on each ray ``(P, 3)``."""
    walls, buildings, boxes = scene.district.walls, scene.district.buildings, dress.boxes

    def silhouette(wall: I64, along: F32) -> F32:
        return roof_line(buildings, walls.building[wall], walls.kind[wall], along, walls.span[wall])

    def lid(wall: I64, along: F32) -> F32:
        return boxes.top[wall]

    steps = camera.width + camera.width // 2
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
    """Light along every pixel's ray, ``(3, P)``."""
    district, visit, boxes, rays = scene.district, dress.visit, dress.boxes, camera.rays()
    surfaces = trace(scene, dress, camera, rays)
    planes = np.ascontiguousarray(rays.T)
    count = len(rays)
    albedo = np.zeros((3, count), dtype=np.float32)
    glow, normal = np.zeros_like(albedo), np.zeros_like(albedo)
    mirror = np.zeros(count, dtype=np.float32)
    solid = np.isfinite(surfaces.depth)
    reach = np.where(solid, surfaces.depth, 0)
    spot = np.array(camera.position, dtype=np.float32)[:, None] + planes * reach
    size = reach / np.float32(camera.focal)

    at = np.flatnonzero(surfaces.on_house)
    if len(at):
        walls, wall = district.walls, surfaces.houses.wall[at]
        points = Points(
            building=walls.building[wall],
            kind=walls.kind[wall],
            u=surfaces.houses.along[at],
            z=spot[2, at],
            span=walls.span[wall],
            size=size[at],
        )
        shaded = shade_facade(points, district.buildings, dress)
        albedo[:, at], glow[:, at], mirror[at] = shaded.albedo, shaded.glow, shaded.mirror
        normal[:, at] = _outwards(walls.start[wall], walls.end[wall])
    at = np.flatnonzero(surfaces.on_ground)
    if len(at):
        near = near_roads(district.roads, camera.position[:2], 90.0)
        x, y = spot[0, at], spot[1, at]
        albedo[:, at], mirror[at] = shade_ground(x, y, size[at], district.roads, near, district.parks, visit)
        normal[2, at] = 1
    at = np.flatnonzero(surfaces.on_car)
    if len(at):
        wall, flat = surfaces.cars.wall[at], surfaces.on_lid[at]
        albedo[:, at], mirror[at] = shade_boxes(boxes, wall, surfaces.cars.along[at], spot[2, at], flat, visit)
        normal[:, at] = np.where(flat, rgb((0, 0, 1)), _outwards(boxes.start[wall], boxes.end[wall]))

    out = np.empty((3, count), dtype=np.float32)
    at = np.flatnonzero(~solid)
    out[:, at] = shade_sky(planes.take(at, axis=1), visit, skyline=scene.salt + scene.area)
    at = np.flatnonzero(solid)
    out[:, at] = _lit(
        scene,
        dress,
        planes.take(at, axis=1),
        spot.take(at, axis=1),
        normal.take(at, axis=1),
        albedo.take(at, axis=1),
        mirror[at],
        reach[at],
        glow.take(at, axis=1),
    )
    return out


def _lit(
    scene: Scene, dress: Dress, ray: F32, spot: F32, normal: F32, albedo: F32, mirror: F32, reach: F32, glow: F32
) -> F32:
    """Sunlight with cast shadows, skylight, mirrored sky, lamps and fog at surface points, all ``(3, n)``."""
    visit = dress.visit
    sun = light_of(visit)
    slant = normal[0] * sun[0] + normal[1] * sun[1] + normal[2] * sun[2]
    facing = np.maximum(slant, 0)
    if max(visit.sunlight) > 0.2:
        at = np.flatnonzero(facing > 0)
        x, y = spot[0, at] + normal[0, at] * np.float32(0.8), spot[1, at] + normal[1, at] * np.float32(0.8)
        facing[at] *= scene.sunlit(x, y, spot[2, at] + np.float32(0.05), visit)
    walls = np.float32(0.72) + np.float32(0.20) * np.clip(spot[2] / 12, 0, 1)
    open_sky = np.where(normal[2] > 0.5, np.float32(1), walls) * (np.float32(0.93) + np.float32(0.07) * slant)
    colour = albedo * (rgb(visit.skylight) * np.float32(1.25) * open_sky + rgb(visit.sunlight) * facing)
    at = np.flatnonzero(mirror > 0.01)
    if len(at):
        incoming, facet = ray.take(at, axis=1), normal.take(at, axis=1)
        bounce = incoming - 2 * np.einsum("in,in->n", incoming, facet) * facet
        bounce[2] = np.abs(bounce[2]) + np.float32(0.08)
        share = mirror[at]
        reflected = shade_sky(bounce, visit, skyline=scene.salt + scene.area)
        colour[:, at] = colour.take(at, axis=1) * (1 - share / 2) + reflected * share * np.float32(0.8)
    colour += glow
    veil = np.exp(-reach / np.float32(visit.sight))
    horizon = rgb(visit.horizon)
    return horizon + (colour - horizon) * veil
