# docker build -t mmhssakd . && docker run --rm -it --gpus all -v "$PWD/data:/mmhssakd/data" mmhssakd bash
FROM python:3.11-slim-bookworm
# what opencv-python loads and the slim image lacks
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*
WORKDIR /mmhssakd
COPY . .
RUN bash tools/setup_env.sh
ENV PATH=/mmhssakd/.venv/bin:$PATH
CMD ["python", "tools/check_env.py"]
