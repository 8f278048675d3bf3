"""What tests share: support code only, no tests and no fixtures.

Commands: ``command_line`` (what a command left), ``facedata_command``, ``facemodel_command``, ``processes``
(waiting for one), ``killed_fit``, ``several_fits``, ``run_notebook`` (programs that tests start).
Photos and detectors: ``marked_photos``, ``slow_runs``, ``gates``, ``footprints``, ``inline_engine``,
``colour_people``.
Sets: ``small_set``, ``people_set``, ``set_bytes``, ``overlapping_sources``, ``two_sets``, ``report_pages``.
Models: ``tiny_fit``, ``saved_runs``, ``onnx_networks``, ``colour_embedder``, ``scikit_scores``.
The world outside: ``shared_data``, ``local_server``, ``object_store``, ``small_disk``, ``browser``.
"""
