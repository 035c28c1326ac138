"""The other peer: a pickled model behind FastAPI, as its documentation shows; run by uvicorn."""

import pickle

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
with open("model.pkl", "rb") as file:
    model = pickle.load(file)


class Request(BaseModel):
    features: list[float]


@app.post("/predict")
async def predict(request: Request):
    probabilities = model.predict_proba([request.features])
    return {"predictions": probabilities.argmax(axis=1).tolist(), "probabilities": probabilities.tolist()}
