"""What does an export cost, how far are its outputs from PyTorch's, and how fast is it?

Two networks with random weights are exported to ONNX and by torch.export: EfficientNetV2-B0, and
the network that experiments/cifar10_search found. Their normalisations get the statistics of
pictures, and their classifiers give logits of some units, as trained ones do.

    python experiments/export/runtimes.py --pictures PARQUET --out experiments/export

PARQUET has pictures in the column "image", here those of Imagenette. All times are CPU time of the
process with one thread, which other processes change less than wall time.
"""

import argparse
import csv
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import onnxruntime
import pyarrow.parquet as pq
import torch
from PIL import Image, ImageOps
from torch import Tensor

from search_space.architecture import Architecture
from search_space.architecture_file import load_architecture
from search_space.network import build_network
from trainer.device.naming import cpu_name
from trainer.export import onnx_format, torch_export_format
from trainer.export.exported import open_exported
from trainer.export.pixel_network import pixel_network
from trainer.model_file import ModelFile
from trainer.preprocessing import Preprocessing, normalise

CLASSES, PICTURES, BATCHES = 10, 40, (1, 3, 8)
NETWORKS = {"efficientnetv2-b0": 224, "experiments/cifar10_search/best.json": 48}
FORMATS = {"onnx": onnx_format, "torch-export": torch_export_format}
LATENCY_BATCHES = (1, 8)
WARM_UP, ROUND_S = 3, 0.4
Logits = Callable[[Tensor], Tensor]


def pictures(path: Path, size: int) -> Tensor:
    """Return pictures as squares, uint8 (PICTURES, 3, size, size)."""
    rows = pq.read_table(path, columns=["image"]).column("image").to_pylist()
    found = []
    for row in rows[:: len(rows) // PICTURES][:PICTURES]:
        picture = Image.open(io.BytesIO(row["bytes"])).convert("RGB")
        square = ImageOps.fit(picture, (size, size), Image.Resampling.BICUBIC)
        pixels = torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8)
        found.append(pixels.view(size, size, 3).permute(2, 0, 1))
    return torch.stack(found).contiguous()


def made_model(architecture: Architecture, images: Tensor) -> ModelFile:
    """Return a model with random weights whose outputs differ among pictures."""
    torch.manual_seed(0)
    network = build_network(architecture, CLASSES).train()
    with torch.no_grad():
        for _ in range(10):
            for batch in images.split(8):
                network(normalise(batch))
        torch.nn.init.normal_(network.classifier.weight, std=0.5)
    size = images.shape[-1]
    return ModelFile(
        architecture=architecture,
        class_names=tuple(f"class {number}" for number in range(CLASSES)),
        train_size=size,
        eval_size=size,
        padding="symmetric",
        ema=network.state_dict(),
        raw=network.state_dict(),
        preprocessing=Preprocessing(decoded_size=size, decoding=2),
    )


def eager(model: ModelFile) -> Logits:
    network = pixel_network(model)

    @torch.inference_mode()
    def logits(images: Tensor) -> Tensor:
        return network(images)[0]

    return logits


def differences(model: ModelFile, exported: Logits, images: Tensor) -> dict[str, float]:
    """Return the largest difference of a logit and the largest logit, of pictures and noise."""
    own = eager(model)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, images.shape, dtype=torch.uint8, generator=generator)
    found = {}
    for name, given in (("pictures", images), ("noise", noise)):
        pairs = [
            (own(batch), exported(batch)) for count in BATCHES for batch in given[:24].split(count)
        ]
        found[f"{name}_difference"] = max(float((a - b).abs().max()) for a, b in pairs)
        found[f"{name}_largest_logit"] = max(float(a.abs().max()) for a, _ in pairs)
    return found


def latencies(runtimes: dict[str, Logits], images: Tensor, rounds: int) -> dict[str, list[float]]:
    """Return CPU milliseconds of a call, one for each round; the runtimes alternate."""
    calls = {}
    for name, logits in runtimes.items():
        for _ in range(WARM_UP):
            logits(images)
        start = time.process_time()
        logits(images)
        calls[name] = max(1, int(ROUND_S / (time.process_time() - start)))
    found: dict[str, list[float]] = {name: [] for name in runtimes}
    for _ in range(rounds):
        for name, logits in runtimes.items():
            start = time.process_time()
            for _ in range(calls[name]):
                logits(images)
            found[name].append((time.process_time() - start) / calls[name] * 1e3)
    return found


def row(network: str, form: str, what: str, values: list[float], unit: str) -> dict[str, object]:
    return {
        "network": network,
        "form": form,
        "what": what,
        "median": f"{statistics.median(values):.4g}",
        "lowest": f"{min(values):.4g}",
        "highest": f"{max(values):.4g}",
        "n": len(values),
        "unit": unit,
    }


def measured(name: str, size: int, args: argparse.Namespace) -> Iterator[dict[str, object]]:
    images = pictures(args.pictures, size)
    model = made_model(load_architecture(name).architecture, images)
    short = Path(name).parent.name if name.endswith(".json") else name
    runtimes: dict[str, Logits] = {"eager": eager(model)}
    with tempfile.TemporaryDirectory() as folder:
        for form, module in FORMATS.items():
            times = []
            for _ in range(args.exports):
                start = time.process_time()
                (path,) = module.write(model, Path(folder))
                times.append(time.process_time() - start)
            yield row(short, form, "export", times, "CPU s")
            yield row(short, form, "size", [path.stat().st_size / 1e6], "MB")
            runtimes[form] = open_exported(path, threads=1).logits
            for what, value in differences(model, runtimes[form], images).items():
                yield row(short, form, what, [value], "logit")
    for batch in LATENCY_BATCHES:
        found = latencies(runtimes, images[:batch], args.rounds)
        for form, times in found.items():
            yield row(short, form, f"call with {batch} image(s)", times, "CPU ms")
        for form in FORMATS:
            ratios = [a / b for a, b in zip(found["eager"], found[form], strict=True)]
            yield row(short, form, f"eager time / its time with {batch} image(s)", ratios, "")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--exports", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = [one for name, size in NETWORKS.items() for one in measured(name, size, args)]
    with (args.out / "runtimes.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    versions = {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__}
    (args.out / "runtimes.json").write_text(
        json.dumps({"device": cpu_name(), "threads": 1, **versions}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
