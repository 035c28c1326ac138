"""The peer: a pickled model behind Flask, as its documentation shows; run by gunicorn with two workers."""

import pickle

from flask import Flask, jsonify, request

app = Flask(__name__)
with open("model.pkl", "rb") as file:
    model = pickle.load(file)


@app.post("/predict")
def predict():
    rows = request.get_json()["features"]
    probabilities = model.predict_proba([rows])
    return jsonify(predictions=probabilities.argmax(axis=1).tolist(), probabilities=probabilities.tolist())
